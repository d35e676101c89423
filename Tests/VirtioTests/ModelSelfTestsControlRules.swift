import PCIModel
import Testing

/// To what the model objects in commands: each test breaks one rule of VIRTIO
/// 1.2 §5.1.6.5 by hand.
@Suite struct ModelSelfTestsControlRules {
  struct Break: Sendable, CustomTestStringConvertible {
    var kind: UInt8
    var command: UInt8
    var data: [UInt8]
    var expected: Violation
    var features = ModelSelfTestsControl.all

    var testDescription: String { "\(kind).\(command) \(expected)" }
  }

  static let wrong: [Break] = [
    Break(kind: 7, command: 0, data: [], expected: .unknownCommand),
    Break(kind: 0, command: 6, data: [1], expected: .unknownCommand),
    Break(kind: 0, command: 0, data: [2], expected: .badCommandData),
    Break(kind: 0, command: 0, data: [], expected: .badCommandLength),
    Break(kind: 1, command: 0, data: [0, 0], expected: .badCommandLength),
    Break(
      kind: 1,
      command: 0,
      data: little(2 as UInt32) + ModelSelfTestsControl.other + [0, 0, 0, 0],
      expected: .badCommandLength
    ),
    Break(
      kind: 1,
      command: 0,
      data: little(1 as UInt32) + ModelSelfTestsControl.group + [0, 0, 0, 0],
      expected: .badCommandData
    ),
    Break(
      kind: 1,
      command: 0,
      data: [0, 0, 0, 0] + little(1 as UInt32) + ModelSelfTestsControl.other,
      expected: .badCommandData
    ),
    Break(
      kind: 1,
      command: 0,
      data: [0, 0, 0, 0, 0, 0, 0, 0, 0],
      expected: .badCommandLength
    ),
    Break(
      kind: 1,
      command: 1,
      data: ModelSelfTestsControl.group,
      expected: .badCommandData
    ),
    Break(kind: 1, command: 1, data: [2], expected: .badCommandLength),
    Break(kind: 2, command: 0, data: [0, 16], expected: .badCommandData),
    Break(kind: 2, command: 1, data: [0], expected: .badCommandLength),
    Break(kind: 3, command: 0, data: [0], expected: .badCommandLength),
    Break(kind: 4, command: 0, data: [0, 0], expected: .badCommandData),
    Break(kind: 4, command: 0, data: [3, 0], expected: .badCommandData),
    Break(kind: 4, command: 0, data: [1], expected: .badCommandLength),
    Break(kind: 5, command: 0, data: [0], expected: .badCommandLength),
    Break(
      kind: 5,
      command: 0,
      data: little(FeatureBit.guestTSO6.mask),
      expected: .badCommandData
    ),
    Break(kind: 6, command: 0, data: [1], expected: .badCommandLength),
  ]

  /// Each class without its feature, with data that would be right.
  static let notAgreed: [Break] = {
    let commands: [(UInt8, UInt8, [UInt8], FeatureBit)] = [
      (0, 0, [1], .ctrlRX), (0, 2, [1], .ctrlRXExtra),
      (1, 0, [0, 0, 0, 0, 0, 0, 0, 0], .ctrlRX),
      (1, 1, ModelSelfTestsControl.other, .ctrlMACAddr),
      (1, 1, ModelSelfTestsControl.other, .ctrlRX), (2, 0, [1, 0], .ctrlVLAN),
      (3, 0, [], .guestAnnounce), (4, 0, [1, 0], .mq),
      (4, 1, [], .rss), (4, 2, [], .hashReport),
      (5, 0, little(0 as UInt64), .ctrlGuestOffloads),
      (6, 0, little(0 as UInt64), .notfCoal),
    ]
    return commands.map { kind, command, data, feature in
      Break(
        kind: kind,
        command: command,
        data: data,
        expected: .commandNotNegotiated,
        features: ModelSelfTestsControl.all.filter { $0 != feature }
      )
    }
  }()

  @Test(arguments: wrong + notAgreed)
  func ruleBroken_isObjectedToAndRefused(_ rule: Break) {
    let driver = ModelSelfTestsControl.driver(rule.features)
    let answer = driver.command(rule.kind, rule.command, rule.data)
    #expect(answer == 1)
    #expect(driver.violations == [rule.expected])
  }
}
