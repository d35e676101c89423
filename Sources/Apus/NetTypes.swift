// The words of the network that an app needs (`Endpoint`, `IPv4Address`,
// `Lease`, `NetworkError`, …), so that `import Apus` is enough.
@_exported import Net
