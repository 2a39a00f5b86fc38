/** Shows an error message in place of a part of the page whose rendering failed. The rest of the page stays. */
import { Component, type ReactNode } from "react";

interface Props {
  content: string;
  /** A failed part is rendered again when this changes. */
  resetKey?: unknown;
  children: ReactNode;
}

export class ErrorBoundary extends Component<Props, { error?: Error }> {
  state: { error?: Error } = {};

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  componentDidUpdate(previous: Props) {
    if (this.state.error && previous.resetKey !== this.props.resetKey) this.setState({ error: undefined });
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
