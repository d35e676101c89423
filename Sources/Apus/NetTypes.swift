import Net

// The words of the network that an app needs, so that `import Apus` is enough.

/// Why the network could not do what an app asked of it.
public typealias NetworkError = Net.NetworkError
/// One end of a conversation: an address and a port.
public typealias Endpoint = Net.Endpoint
/// An internet address of version 4.
public typealias IPv4Address = Net.IPv4Address
/// The address of an interface on an Ethernet.
public typealias MACAddress = Net.MACAddress
/// An address that this machine may use, and what came with it.
public typealias Lease = Net.Lease
