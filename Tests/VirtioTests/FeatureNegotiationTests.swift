import Testing

@testable import Virtio

/// Offered, understood, and what it needs is there too. VIRTIO 1.2 §2.2 and
/// §5.1.3.1.
@Suite struct FeatureNegotiationTests {
  struct Case: Sendable {
    var offered: Features
    var understood: Features
    var accepted: Features
  }

  static let all = Features(rawValue: .max)

  static let cases: [Case] = [
    Case(offered: [], understood: all, accepted: []),
    Case(offered: all, understood: [], accepted: []),
    Case(offered: [.mac], understood: [.status], accepted: []),
    Case(offered: [.mac, .mq], understood: all, accepted: [.mac]),
    Case(offered: [.mq, .ctrlVQ], understood: all, accepted: [.mq, .ctrlVQ]),
    Case(offered: [.mq, .ctrlVQ], understood: [.mq], accepted: []),
    Case(offered: [.hostTSO4], understood: all, accepted: []),
    Case(offered: [.hostECN, .csum], understood: all, accepted: [.csum]),
    Case(
      offered: [.hostECN, .hostTSO6, .csum],
      understood: all,
      accepted: [.hostECN, .hostTSO6, .csum]
    ),
    // Needs what needs what is missing.
    Case(offered: [.guestECN, .guestTSO4], understood: all, accepted: []),
    Case(offered: [.hostECN, .hostTSO4], understood: all, accepted: []),
    Case(
      offered: [.guestAnnounce, .ctrlRX, .ctrlMACAddr, .ctrlVLAN],
      understood: all,
      accepted: []
    ),
  ]

  @Test(arguments: cases.indices)
  func accepted(_ index: Int) {
    let test = Self.cases[index]
    let accepted = FeatureNegotiation.accept(
      test.offered,
      understood: test.understood
    )
    #expect(accepted == test.accepted)
  }

  @Test func everythingOffered_onlyWhatIsUnderstoodIsAccepted() {
    #expect(
      FeatureNegotiation.accept(Self.all) == FeatureNegotiation.understood
    )
  }

  @Test func names_areThoseOfTheSpecification() {
    let features: Features = [.version1, .mac, .mrgRxbuf]
    let names = features.names.map { "\($0)" }
    #expect(names == ["MAC", "MRG_RXBUF", "VERSION_1"])
  }
}
