/** Where drawing fails, this says so and leaves the rest of the page standing. It knows no part of it. */
import { Component, type ReactNode } from "react";

export class Boundary extends Component<{ what: string; children: ReactNode }, { failure?: Error }> {
  state: { failure?: Error } = {};

  static getDerivedStateFromError(failure: Error) {
    return { failure };
  }

  render() {
    if (!this.state.failure) return this.props.children;
    return (
      <p role="alert">
        {this.props.what} could not be drawn: {this.state.failure.message}{" "}
        <button className="quiet" onClick={() => location.reload()}>
          Load the page again
        </button>
      </p>
    );
  }
}
