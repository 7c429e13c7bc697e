import { Component, type ReactNode } from 'react'
import { Button } from './button.tsx'

/** A view that fails is said to have failed; the others stay usable. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error: Error | undefined }> {
  override state = { error: undefined as Error | undefined }
  static getDerivedStateFromError(error: Error) {
    return { error }
  }
  override render() {
    const { error } = this.state
    if (!error) return this.props.children
    return (
      <div className="state" role="alert">
        <h2>This view failed</h2>
        <p>{error.message}</p>
        <Button icon="again" onClick={() => location.reload()}>
          Load the page again
        </Button>
      </div>
    )
  }
}
