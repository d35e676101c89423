import Net
import PCI
import Testing

@testable import Kernel

/// The lines that docs/console.md promises.
@Suite struct DescriptionTests {
  @Test(
    arguments: [
      (0, 0, "0"), (0, 2, "00"), (0xF, 2, "0f"), (0xFF, 2, "ff"),
      (0x1AF4, 4, "1af4"), (0x10, 4, "0010"), (0xFFFF, 2, "ffff"),
    ] as [(UInt16, Int, String)]
  )
  func hexadecimal_hasItsDigits(
    _ value: UInt16,
    _ digits: Int,
    _ expected: String
  ) {
    #expect(hexadecimal(value, digits) == expected)
  }

  @Test func addresses_asPeopleWriteThem() {
    #expect(describe(IPv4Address(10, 0, 2, 15)) == "10.0.2.15")
    #expect(describe(IPv4Address.any) == "0.0.0.0")
    #expect(describe(IPv4Address.broadcast) == "255.255.255.255")
    let address = MACAddress(bits: 0x5254_000A_0B0C)
    #expect(describe(address) == "52:54:00:0a:0b:0c")
    #expect(describe(MACAddress(bits: 0)) == "00:00:00:00:00:00")
  }

  private static let ofQEMU: Lease = {
    var lease = Lease(address: IPv4Address(10, 0, 2, 15), prefixLength: 24)
    lease.gateway = IPv4Address(10, 0, 2, 2)
    lease.nameServers = [IPv4Address(10, 0, 2, 3)]
    lease.seconds = 86_400
    return lease
  }()

  @Test func lease_isTheLineThatProgramsRead() {
    #expect(
      describe(Self.ofQEMU)
        == "bound 10.0.2.15/24 gateway 10.0.2.2 dns 10.0.2.3 lease 86400 s"
    )
  }

  @Test func lease_leavesOutWhatTheServerDidNotSay() {
    var lease = Self.ofQEMU
    lease.gateway = nil
    #expect(
      describe(lease) == "bound 10.0.2.15/24 dns 10.0.2.3 lease 86400 s"
    )
    lease.nameServers = []
    #expect(describe(lease) == "bound 10.0.2.15/24 lease 86400 s")
    lease.seconds = nil
    #expect(describe(lease) == "bound 10.0.2.15/24")
  }

  @Test func lease_namesEachServer() {
    var lease = Self.ofQEMU
    lease.nameServers = [IPv4Address(1, 1, 1, 1), IPv4Address(9, 9, 9, 9)]
    lease.seconds = .max
    #expect(
      describe(lease)
        == "bound 10.0.2.15/24 gateway 10.0.2.2 dns 1.1.1.1 dns 9.9.9.9"
        + " lease 4294967295 s"
    )
  }

  @Test func randomOrigin_isNamed() {
    #expect("\(RandomGenerator.Origin.rdseed.name)" == "RDSEED")
    #expect("\(RandomGenerator.Origin.rdrand.name)" == "RDRAND")
    #expect(
      "\(RandomGenerator.Origin.timing.name)"
        == "timing noise (the processor has no RDRAND)"
    )
  }
}

/// A configuration space in which one function is.
private struct OneFunction: PCIHost {
  /// The registers at 0x00, 0x08 and so on, by offset; the others read as 0.
  let registers: [Int: UInt32]

  func readConfiguration(_ address: FunctionAddress, _ offset: Int) -> UInt32 {
    registers[offset, default: 0]
  }

  func writeConfiguration(
    _ address: FunctionAddress,
    _ offset: Int,
    _ value: UInt32
  ) {}

  // It has no registers beside.
  func read8(_ register: RegisterAddress) -> UInt8 { .max }
  func read16(_ register: RegisterAddress) -> UInt16 { .max }
  func read32(_ register: RegisterAddress) -> UInt32 { .max }
  func write8(_ register: RegisterAddress, _ value: UInt8) {}
  func write16(_ register: RegisterAddress, _ value: UInt16) {}
  func write32(_ register: RegisterAddress, _ value: UInt32) {}
  func window(_ space: AddressSpace) -> Range<UInt64> { 0..<0 }
}

@Suite struct PCIDescriptionTests {
  @Test func function_isTheLineThatProgramsRead() throws {
    let host = OneFunction(registers: [0: 0x1000_1AF4, 8: 0x0200_0000])
    let function = try #require(enumerate(host).first)
    #expect(describe(function) == "pci: 00:00.0 1af4:1000 Ethernet controller")
  }
}
