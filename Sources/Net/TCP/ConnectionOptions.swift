/// What an app may say of a connection when it opens it, or of those that a
/// listener accepts. RFC 9293 §3.9.1.1.
///
/// It holds from the SYN on. What is answered without a connection (resets, SYN
/// cookies, the acknowledgements of TIME-WAIT once the app has let go) goes out
/// as by default.
public struct ConnectionOptions: Sendable {
  /// Our end's address, which an interface has: where a connection comes from,
  /// or the only one that a listener takes connections to. `nil`: the address of
  /// the route, or all of them. RFC 9293 §3.9.1.1 (MUST-43).
  public var localAddress: IPAddress?
  /// How routers are to treat what is sent. RFC 9293 §3.9.1.9 (MUST-48).
  public var differentiatedServices = DifferentiatedServices.standard
  /// How many routers may pass on what is sent; 0 counts as 1. RFC 9293 §3.9.2
  /// (MUST-49).
  public var timeToLive = IPv4Header.defaultTimeToLive
  /// How the congestion window grows and shrinks; `nil`: as
  /// ``TCPLimits/congestionControl`` says.
  public var congestionControl: CongestionControl?
  /// Whether a connection that we open asks for explicit congestion
  /// notification; `nil`: as ``TCPLimits/requestsECN`` says. One that is
  /// accepted has it if the peer asks.
  public var requestsECN: Bool?

  /// The defaults.
  public init() {}
}
