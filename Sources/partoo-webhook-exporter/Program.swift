import Dispatch
import Glibc

/// Where the process begins: before Swift's concurrency runtime does, which ends it with a signal and no word of the cause
/// where it cannot have descriptors of its own.
@main
enum Program {
    static func main() {
        Descriptors.raiseLimit()
        guard Descriptors.suffice() else {
            StandardStream.error(
                "error: fewer than \(Descriptors.least) more files can be opened: raise the limit (`ulimit -n`)")
            Glibc.exit(1)
        }
        // What begins on the main thread is urgent by default, and an actor's urgent work goes first: where checks are more than
        // the machine can do, whoever asks for a page would never have a turn.
        Task(priority: .medium) {
            await ExporterCommand.main()
            Glibc.exit(0)
        }
        dispatchMain()
    }
}
