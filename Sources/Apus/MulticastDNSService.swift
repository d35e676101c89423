import Net
import Packets
import _Concurrency

/// Answers for the machine's name on each link: drives a
/// ``MulticastDNSResponder`` with a socket.
///
/// Handed to ``SystemServices``, it serves each lease of each interface.
public struct MulticastDNSService: Sendable {
  private let host: Host
  private let hostName: [UInt8]
  private let open:
    @Sendable (Network, Int) throws(NetworkError) -> DatagramSocket

  /// The service of `host`.
  ///
  /// - Parameters:
  ///   - hostName: What it answers for, under `.local`; a label in ASCII.
  ///   - open: Opens a socket on port 5353 of an interface that hears what is
  ///     sent to 224.0.0.251, and sends there, with a time to live of 255. RFC
  ///     6762 §11.
  public init(
    host: Host,
    hostName: [UInt8],
    open:
      @escaping @Sendable (Network, Int) throws(NetworkError) -> DatagramSocket
  ) {
    self.host = host
    self.hostName = hostName
    self.open = open
  }

  /// Serves `lease` of `interface` until the task is cancelled.
  public func run(_ lease: Lease, on interface: Int) async {
    guard let socket = try? open(Network(host: host), interface) else { return }
    var responder = MulticastDNSResponder(
      host: hostName,
      address: lease.address,
      random: host.stack.makeRandomNumbers(),
      at: host.now
    )
    var wasUp = host.isLinkUp(on: interface)
    while !Task.isCancelled, socket.port != nil {
      if host.isLinkUp(on: interface) != wasUp {
        wasUp.toggle()
        if wasUp { responder.linkCameUp(at: host.now) }
      }
      host.setLocalName(
        responder.isAnswering ? responder.name : nil,
        on: interface
      )
      while let message = responder.poll(at: host.now) {
        try? await socket.send(message.bytes.rawBytes, to: message.destination)
      }
      let timeout = responder.deadline.map {
        Duration.nanoseconds(max(($0 - host.now).nanoseconds, 0))
      }
      guard let datagram = await socket.receive(timeout: timeout) else {
        continue
      }
      let source = datagram.source
      let isOnLink = lease.isOnLink(source.address)
      let refusal = responder.receive(
        datagram.bytes,
        MulticastDNSResponder.Origin(
          source: source,
          isMulticast: datagram.destination.address.isMulticast,
          isOnLink: isOnLink
        ),
        at: host.now
      )
      if let refusal { host.localNames.count(refusal) }
    }
    host.setLocalName(nil, on: interface)
    await sayGoodbye(&responder, on: interface)
  }

  /// Only when the machine ends: a name without its address needs none.
  private func sayGoodbye(
    _ responder: inout MulticastDNSResponder,
    on interface: Int
  ) async {
    guard host.appEnd != nil, let goodbye = responder.end(),
      let socket = try? open(Network(host: host), interface)
    else { return }
    try? await socket.send(goodbye.bytes.rawBytes, to: goodbye.destination)
    // Its end would take back what is not yet sent.
    host.partingSockets.append(socket)
  }
}

extension Lease {
  /// Whether `address` has the link's prefix.
  fileprivate func isOnLink(_ address: IPAddress) -> Bool {
    guard let other = address.ipv4 else { return false }
    return (other.bits ^ self.address.bits) & subnetMask.bits == 0
  }
}
