import CPU
import Testing

@testable import Kernel

/// What CPUID says of clocks where there is no 8254.
@Suite struct ClockReferenceTests {
  /// A processor under a hypervisor of this name, whose last leaf is `last`.
  private func find(
    _ name: String,
    last: UInt32 = 0x4000_0001,
    kilohertz: UInt32 = 0,
    isHypervisor: Bool = true
  ) -> ClockReference? {
    let bytes = Array(name.utf8) + [0, 0, 0]
    func word(_ index: Int) -> UInt32 {
      bytes[4 * index..<4 * index + 4].reversed().reduce(0) {
        $0 << 8 | UInt32($1)
      }
    }
    return ClockReference.hypervisors { leaf, _ in
      switch leaf {
      case 1: cpuid(a: 0, b: 0, c: isHypervisor ? 1 << 31 : 0, d: 0)
      case 0x4000_0000: cpuid(a: last, b: word(0), c: word(1), d: word(2))
      case 0x4000_0010: cpuid(a: kilohertz, b: 0, c: 0, d: 0)
      default: cpuid()
      }
    }
  }

  @Test(arguments: ["KVMKVMKVM", "TCGTCGTCGTCG"])
  func knownHypervisors_countNanoseconds(_ name: String) {
    #expect(find(name) == .localTimer(1_000_000_000))
  }

  @Test func rateThatIsSaid_isTaken() {
    #expect(
      find("KVMKVMKVM", last: 0x4000_0010, kilohertz: 2_400_000)
        == .timestampCounter(2_400_000_000)
    )
  }

  /// 0 is what a hypervisor says that does not know.
  @Test(arguments: [0, 1, 99_999, 40_000_001, .max])
  func rateOfNoSense_isNotTaken(_ kilohertz: UInt32) {
    #expect(
      find("KVMKVMKVM", last: 0x4000_0010, kilohertz: kilohertz)
        == .localTimer(1_000_000_000)
    )
    #expect(
      find("SomebodyElse", last: 0x4000_0010, kilohertz: kilohertz) == nil
    )
  }

  /// Without the leaf, what is read there is another one's.
  @Test(arguments: [0, 0x4000_000F, 0x4001_0000, .max])
  func leafThatIsNotThere_isNotRead(_ last: UInt32) {
    #expect(find("SomebodyElse", last: last, kilohertz: 2_400_000) == nil)
  }

  @Test func noHypervisor_saysNothing() {
    #expect(find("KVMKVMKVM", isHypervisor: false) == nil)
  }
}
