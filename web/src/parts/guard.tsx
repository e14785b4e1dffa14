/** A mistake of the page itself takes away one page, says so, and leaves the way to the others. */
import { Component, type ReactNode } from 'react';
import { Empty } from './shown.tsx';

type Props = { readonly children: ReactNode };

export class Guard extends Component<Props, { readonly problem: string | null }> {
  override state: { readonly problem: string | null } = { problem: null };

  static getDerivedStateFromError(error: unknown) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }

  override render() {
    const { problem } = this.state;
    if (problem === null) return this.props.children;
    return (
      <Empty title="This page has a defect and cannot be shown.">
        <p>Nothing on disk is touched by that. Please report it with these words: {problem}</p>
        <a href="#/">All runs and evaluations</a>
      </Empty>
    );
  }
}
