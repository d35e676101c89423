/// The feature bits that the model knows by name. VIRTIO 1.2 §5.1.3, §6.
enum FeatureBit: UInt64, CaseIterable, Sendable {
  case csum = 0
  case guestCsum = 1
  case ctrlGuestOffloads = 2
  case mtu = 3
  case mac = 5
  case guestTSO4 = 7
  case guestTSO6 = 8
  case guestECN = 9
  case guestUFO = 10
  case hostTSO4 = 11
  case hostTSO6 = 12
  case hostECN = 13
  case hostUFO = 14
  case mrgRxbuf = 15
  case status = 16
  case ctrlVQ = 17
  case ctrlRX = 18
  case ctrlVLAN = 19
  case ctrlRXExtra = 20
  case guestAnnounce = 21
  case mq = 22
  case ctrlMACAddr = 23
  case anyLayout = 27
  case indirectDesc = 28
  case eventIdx = 29
  case version1 = 32
  case ringPacked = 34
  case inOrder = 35
  case notificationData = 38
  case ringReset = 40
  case notfCoal = 53
  case guestUSO4 = 54
  case guestUSO6 = 55
  case hostUSO = 56
  case hashReport = 57
  case guestHdrlen = 59
  case rss = 60
  case rscExt = 61
  case standby = 62
  case speedDuplex = 63

  var mask: UInt64 { 1 << rawValue }

  /// A set of bits as a register holds it.
  static func bits(_ features: FeatureBit...) -> UInt64 {
    features.reduce(0) { $0 | $1.mask }
  }

  /// Each feature with those of which it needs at least one, a line a rule.
  /// §5.1.3.1; the two of §5.1.4.2 are only advice there, and obeyed by
  /// whoever wants the feature to be of use.
  static let requirements: [(FeatureBit, anyOf: [FeatureBit])] = [
    (.guestTSO4, [.guestCsum]),
    (.guestTSO6, [.guestCsum]),
    (.guestECN, [.guestTSO4, .guestTSO6]),
    (.guestUFO, [.guestCsum]),
    (.guestUSO4, [.guestCsum]),
    (.guestUSO6, [.guestCsum]),
    (.hostTSO4, [.csum]),
    (.hostTSO6, [.csum]),
    (.hostECN, [.hostTSO4, .hostTSO6]),
    (.hostUFO, [.csum]),
    (.hostUSO, [.csum]),
    (.ctrlRX, [.ctrlVQ]),
    (.ctrlVLAN, [.ctrlVQ]),
    (.guestAnnounce, [.ctrlVQ]),
    (.mq, [.ctrlVQ]),
    (.ctrlMACAddr, [.ctrlVQ]),
    (.notfCoal, [.ctrlVQ]),
    (.rscExt, [.hostTSO4, .hostTSO6]),
    (.rss, [.ctrlVQ]),
    // §5.1.4.2
    (.hashReport, [.ctrlVQ]),
    (.ctrlRXExtra, [.ctrlVQ]),
  ]

  /// The features of `accepted` that lack what they need.
  static func unmet(_ accepted: UInt64) -> [FeatureBit] {
    requirements.filter { feature, needed in
      accepted & feature.mask != 0
        && !needed.contains { accepted & $0.mask != 0 }
    }.map(\.0)
  }
}
