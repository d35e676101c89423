import Apus

extension IPv4Address {
  /// Such as `10.0.2.15`.
  var text: String {
    var text = ""
    for shift in stride(from: UInt32(24), through: 0, by: -8) {
      text += String(bits >> shift & 0xFF)
      if shift > 0 { text += "." }
    }
    return text
  }
}

extension NetworkError {
  var text: String { name.description }
}

extension ResolveError {
  /// The case's name.
  var text: String {
    switch self {
    case .invalidName: "invalidName"
    case .noName: "noName"
    case .noAddress: "noAddress"
    case .noServers: "noServers"
    case .serverFailure: "serverFailure"
    case .timedOut: "timedOut"
    case .limitReached: "limitReached"
    case .cancelled: "cancelled"
    }
  }
}
