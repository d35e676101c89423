import Net

extension MulticastDNSService {
  private static let port: UInt16 = 5353
  private static let group = IPv4Address(224, 0, 0, 251)

  /// The service of `host`, with a socket of its own on each interface: it listens to
  /// 224.0.0.251, and sends with a time to live of 255. RFC 6762 §3, §11.
  public init(host: Host, hostName: [UInt8]) {
    self.init(host: host, hostName: hostName) {
      (network, interface) throws(NetworkError) -> DatagramSocket in
      let socket = try network.bind(port: Self.port, on: interface)
      try socket.join(Self.group)
      socket.setTimeToLive(255)
      return socket
    }
  }
}
