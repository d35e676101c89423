// The words of the network that an app needs (`Endpoint`, `IPv4Address`,
// `Lease`, `NetworkError`, …), and those of tasks, which Embedded Swift does not
// import by itself: so that `import Apus` is enough.
@_exported import Net
@_exported import _Concurrency
