import _Concurrency
public protocol Unikernel: SendableMetatype {
  init()
  func run() async
}
extension Unikernel {
  public static func main() {
    Task { await Self().run() }
  }
}
