/// Which features the driver of a network device accepts.
enum FeatureNegotiation {
  /// What this driver knows how to use.
  static let understood: Features = [
    .mac, .status, .mtu, .anyLayout, .version1,
  ]

  /// Which feature needs which: at least one of `needs`. VIRTIO 1.2 §5.1.3.1.
  private struct Dependency {
    let feature: Features
    let needs: Features
  }

  private static let dependencies: [Dependency] = [
    Dependency(feature: .guestTSO4, needs: .guestCsum),
    Dependency(feature: .guestTSO6, needs: .guestCsum),
    Dependency(feature: .guestECN, needs: [.guestTSO4, .guestTSO6]),
    Dependency(feature: .guestUFO, needs: .guestCsum),
    Dependency(feature: .hostTSO4, needs: .csum),
    Dependency(feature: .hostTSO6, needs: .csum),
    Dependency(feature: .hostECN, needs: [.hostTSO4, .hostTSO6]),
    Dependency(feature: .hostUFO, needs: .csum),
    Dependency(feature: .ctrlRX, needs: .ctrlVQ),
    Dependency(feature: .ctrlVLAN, needs: .ctrlVQ),
    Dependency(feature: .ctrlRXExtra, needs: .ctrlVQ),
    Dependency(feature: .guestAnnounce, needs: .ctrlVQ),
    Dependency(feature: .mq, needs: .ctrlVQ),
    Dependency(feature: .ctrlMACAddr, needs: .ctrlVQ),
    Dependency(feature: .ctrlGuestOffloads, needs: .ctrlVQ),
  ]

  /// What of `offered` is accepted: it is understood, and what it depends on is
  /// accepted too. A feature without what it needs is left out; §2.2.1 forbids
  /// to accept it.
  static func accept(
    _ offered: Features,
    understood: Features = understood
  ) -> Features {
    var accepted = offered.intersection(understood)
    // Twice: GUEST_ECN needs GUEST_TSO4, which needs GUEST_CSUM.
    for _ in 0..<2 {
      for dependency in dependencies
      where accepted.isDisjoint(with: dependency.needs) {
        accepted.remove(dependency.feature)
      }
    }
    return accepted
  }
}
