import { Component, type ComponentChildren } from 'preact'

interface Props {
  /** What failed, in the words of the page: "this event". */
  of: string
  /** When it changes, the part is tried again. */
  key?: string
  /** Shown beneath the message: the raw text, for instance. */
  instead?: ComponentChildren
  children: ComponentChildren
}

/** Keeps the fault of one part from breaking the page. */
export class Boundary extends Component<Props, { fault?: Error }> {
  override state: { fault?: Error } = {}
  static getDerivedStateFromError(fault: unknown): { fault: Error } {
    return { fault: fault instanceof Error ? fault : new Error(String(fault)) }
  }
  override render() {
    const { fault } = this.state
    if (!fault) return <>{this.props.children}</>
    return (
      <div class="boundary">
        <p class="notice error" role="alert">
          The viewer could not show {this.props.of}: {fault.message}
        </p>
        {this.props.instead}
      </div>
    )
  }
}
