// So that `import Apus` is enough for an app: the words of the network
// (`Endpoint`, `IPv4Address`, `Lease`, `NetworkError`, …), checked reading of raw
// bytes (`RawSpan.byte(at:)`), and tasks, which Embedded Swift does not import
// by itself.
@_exported import Net
@_exported import Packets
@_exported import _Concurrency
