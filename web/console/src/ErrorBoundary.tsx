/** Shows an error message in place of a part of the page whose rendering failed. The rest of the page stays. */
import { Component, type ReactNode } from "react";

export class ErrorBoundary extends Component<{ content: string; children: ReactNode }, { error?: Error }> {
  state: { error?: Error } = {};

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  render() {
    if (!this.state.error) return this.props.children;
    return (
      <p role="alert">
        {this.props.content} could not be displayed: {this.state.error.message}{" "}
        <button className="secondary" onClick={() => location.reload()}>
          Reload page
        </button>
      </p>
    );
  }
}
