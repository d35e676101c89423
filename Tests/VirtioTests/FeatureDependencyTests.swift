import Testing

@testable import Virtio

/// Which features are accepted of those offered: all subsets of the bits that
/// VIRTIO 1.2 §5.1.3.1 names.
///
/// There are 2^26 of them, but no need to walk through all. The rules are
/// between bits of three groups, and no rule is between two groups; the test
/// finds the groups from the rules. Within a group all subsets are tried, with
/// nothing else offered and with everything else offered. Were there a rule in
/// the driver from one group to another, it would show with nothing else
/// offered: what the rule needs would be missing. So what is accepted of a
/// group depends on the group alone, and the whole is the groups side by side.
/// Random whole sets are tried on top.
@Suite struct FeatureDependencyTests {
  /// A line of §5.1.3.1: the feature, and those of which it requires one.
  struct Rule: Sendable {
    var feature: Int
    var requires: [Int]
  }

  /// By bit numbers, so that no name of the driver's is trusted. §5.1.3.
  static let rules: [Rule] = [
    // GUEST_TSO4, GUEST_TSO6 require GUEST_CSUM.
    Rule(feature: 7, requires: [1]), Rule(feature: 8, requires: [1]),
    // GUEST_ECN requires GUEST_TSO4 or GUEST_TSO6.
    Rule(feature: 9, requires: [7, 8]),
    // GUEST_UFO, GUEST_USO4, GUEST_USO6 require GUEST_CSUM.
    Rule(feature: 10, requires: [1]), Rule(feature: 54, requires: [1]),
    Rule(feature: 55, requires: [1]),
    // HOST_TSO4, HOST_TSO6 require CSUM.
    Rule(feature: 11, requires: [0]), Rule(feature: 12, requires: [0]),
    // HOST_ECN requires HOST_TSO4 or HOST_TSO6.
    Rule(feature: 13, requires: [11, 12]),
    // HOST_UFO, HOST_USO require CSUM.
    Rule(feature: 14, requires: [0]), Rule(feature: 56, requires: [0]),
    // CTRL_RX, CTRL_VLAN, GUEST_ANNOUNCE, MQ, CTRL_MAC_ADDR require CTRL_VQ.
    Rule(feature: 18, requires: [17]), Rule(feature: 19, requires: [17]),
    Rule(feature: 21, requires: [17]), Rule(feature: 22, requires: [17]),
    Rule(feature: 23, requires: [17]),
    // NOTF_COAL, RSS, VQ_NOTF_COAL require CTRL_VQ.
    Rule(feature: 53, requires: [17]), Rule(feature: 60, requires: [17]),
    Rule(feature: 52, requires: [17]),
    // RSC_EXT requires HOST_TSO4 or HOST_TSO6.
    Rule(feature: 61, requires: [11, 12]),
    // §5.1.4.2: HASH_REPORT and CTRL_RX_EXTRA should not be without CTRL_VQ.
    Rule(feature: 57, requires: [17]), Rule(feature: 20, requires: [17]),
    // §5.1.6.5.8: CTRL_GUEST_OFFLOADS is but a command of that queue.
    Rule(feature: 2, requires: [17]),
  ]

  /// The largest part of `offered` in which every rule holds: what breaks one
  /// is taken away until nothing does.
  static func oracle(_ offered: UInt64) -> UInt64 {
    var left = offered
    while true {
      let broken = rules.filter { rule in
        left >> UInt64(rule.feature) & 1 == 1
          && !rule.requires.contains { left >> UInt64($0) & 1 == 1 }
      }
      if broken.isEmpty { return left }
      for rule in broken { left &= ~(1 << UInt64(rule.feature)) }
    }
  }

  /// The groups of bits that rules connect.
  static var groups: [[Int]] {
    var groups: [Set<Int>] = []
    for rule in rules {
      var joined = Set([rule.feature] + rule.requires)
      groups.removeAll { group in
        guard !group.isDisjoint(with: joined) else { return false }
        joined.formUnion(group)
        return true
      }
      groups.append(joined)
    }
    return groups.map { $0.sorted() }.sorted { $0[0] < $1[0] }
  }

  static func accepted(_ offered: UInt64) -> UInt64 {
    FeatureNegotiation.accept(
      Features(rawValue: offered),
      understood: Features(rawValue: .max)
    ).rawValue
  }

  @Test func rules_nameThreeGroups() {
    #expect(Self.groups.map(\.count) == [7, 7, 12])
    #expect(Self.groups.joined().count == 26)
  }

  @Test func everySubsetOfAGroup_isAcceptedAsTheRulesSay() {
    for group in Self.groups {
      let all = group.reduce(0 as UInt64) { $0 | 1 << UInt64($1) }
      var wrong: [UInt64] = []
      for index in 0..<1 << group.count {
        let subset = group.indices.reduce(0 as UInt64) { bits, place in
          index >> place & 1 == 1 ? bits | 1 << UInt64(group[place]) : bits
        }
        for others in [0, ~all] {
          let offered = subset | others
          // Everything else offered is accepted whole: its rules hold.
          if Self.accepted(offered) != Self.oracle(offered)
            || Self.accepted(offered) & all != Self.oracle(subset)
          {
            wrong.append(offered)
          }
        }
      }
      #expect(wrong == [])
    }
  }

  /// What is not understood counts as not offered.
  @Test func randomSets_areAcceptedAsTheRulesSay() {
    let seed = UInt64.random(in: 0 ... .max)
    var numbers = SeededNumbers(state: seed)
    for _ in 0..<20_000 {
      let (offered, understood) = (numbers.next(), numbers.next())
      let accepted = FeatureNegotiation.accept(
        Features(rawValue: offered),
        understood: Features(rawValue: understood)
      ).rawValue
      guard accepted == Self.oracle(offered & understood) else {
        Issue.record("seed \(seed), offered \(offered), \(understood)")
        return
      }
    }
  }

  /// What the driver takes of any device has all that it needs.
  @Test func understood_keepsTheRules() {
    let understood = FeatureNegotiation.understood.rawValue
    #expect(Self.oracle(understood) == understood)
  }
}
