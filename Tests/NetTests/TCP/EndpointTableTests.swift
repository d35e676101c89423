import Packets
import Testing

@testable import Net

@Suite struct EndpointTableTests {
  static func ends(_ number: Int) -> TCP.Key {
    TCP.Key(
      local: Endpoint(address: IPv4Address(10, 0, 0, 1), port: 80),
      remote: Endpoint(
        address: IPv4Address(bits: 0x0A00_0100 + UInt32(number / 7)),
        port: UInt16(1000 + number % 7)
      )
    )
  }

  static func slot(_ ends: TCP.Key) -> TCP.Slot {
    TCP.Slot(
      connection: Connection(
        local: ends.local,
        remote: ends.remote,
        state: .synSent,
        listener: nil,
        initialSequenceNumber: SequenceNumber(0),
        timestampOffset: 0,
        receiveSegmentSize: 1460,
        limits: Constant(TCPLimits())
      )
    )
  }

  /// Tables that are as large as need be, and such that chains are long.
  @Test(arguments: [1, 2, 3] as [UInt64], [1, 2, 64, 300])
  func random_isAsADictionary(seed: UInt64, size: Int) {
    var random = RandomNumbers(seed: SipHash.Key(seed, 21))
    var table = EndpointTable(
      connections: size,
      key: SipHash.Key(random.next(), random.next())
    )
    var slots = PagedArray<TCP.Slot>(limit: 200)
    for number in 0..<200 { slots.append(Self.slot(Self.ends(number))) }
    var model: Set<Int> = []
    for round in 0..<4000 {
      let number = Int.random(in: 0..<200, using: &random)
      let place = "seed \(seed), size \(size), round \(round)"
      let found = table.find(Self.ends(number), in: slots)
      let expected = model.contains(number) ? UInt32(number) : nil
      #expect(found == expected, "\(place)")
      if found != nil {
        table.remove(UInt32(number), in: &slots)
        model.remove(number)
      } else {
        table.insert(UInt32(number), in: &slots)
        model.insert(number)
      }
      let count = table.count
      #expect(count == model.count, "\(place)")
    }
  }

  @Test func everyPartOfTheEnds_tellsThemApart() {
    var table = EndpointTable(connections: 1, key: SipHash.Key(1, 2))
    var slots = PagedArray<TCP.Slot>(limit: 200)
    let one = Endpoint(address: IPv4Address(10, 0, 0, 1), port: 1)
    let two = Endpoint(address: IPv4Address(10, 0, 0, 2), port: 2)
    slots.append(Self.slot(TCP.Key(local: one, remote: two)))
    table.insert(0, in: &slots)
    let others = [
      TCP.Key(local: two, remote: one), TCP.Key(local: one, remote: one),
      TCP.Key(
        local: one,
        remote: Endpoint(address: two.address, port: one.port)
      ),
      TCP.Key(
        local: Endpoint(address: one.address, port: two.port),
        remote: two
      ),
    ]
    for ends in others {
      let found = table.find(ends, in: slots)
      #expect(found == nil)
    }
    let found = table.find(TCP.Key(local: one, remote: two), in: slots)
    #expect(found == 0)
  }
}
