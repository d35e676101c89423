import Net

extension NetworkError {
  /// The case's name, as it stands in the code.
  public var name: StaticString {
    switch self {
    case .addressInUse: "addressInUse"
    case .noAddress: "noAddress"
    case .unreachable: "unreachable"
    case .refused: "refused"
    case .reset: "reset"
    case .timedOut: "timedOut"
    case .closed: "closed"
    case .limitReached: "limitReached"
    case .messageTooLarge: "messageTooLarge"
    case .cancelled: "cancelled"
    }
  }
}
