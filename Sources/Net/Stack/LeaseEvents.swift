/// What has happened to the address and was not told yet.
///
/// Who was told of an address is told of its loss before it is told of the
/// next; one that came and went unnoticed is not mentioned.
struct LeaseEvents: Sendable {
  private var isLost = false
  private var isBound = false
  private var isRenewed = false
  /// Whether the last that was told is that an address is bound.
  private var wasTold = false

  /// The address that another host was found to have.
  private var taken: IPv4Address?

  /// Whether there may be something to tell.
  var isPending: Bool { isLost || isBound || isRenewed || taken != nil }

  mutating func noteTaken(_ address: IPv4Address) { taken = address }

  mutating func noteBound() { isBound = true }

  mutating func noteRenewed() { isRenewed = true }

  mutating func noteLost() {
    isLost = wasTold
    isBound = false
    isRenewed = false
  }

  /// The next event of `interface`, where `lease` is bound now.
  mutating func next(
    for lease: Lease?,
    on interface: Int
  ) -> StackEvent? {
    if let address = taken {
      taken = nil
      return .addressTaken(address, on: interface)
    }
    if isLost {
      isLost = false
      wasTold = false
      return .addressLost(on: interface)
    }
    guard let lease else { return nil }
    if isBound {
      isBound = false
      isRenewed = false
      wasTold = true
      return .addressBound(lease, on: interface)
    }
    guard isRenewed else { return nil }
    isRenewed = false
    return .addressRenewed(lease, on: interface)
  }
}
