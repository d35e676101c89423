import Apus
import Testing

@testable import Demo

@Suite struct TextTests {
  private func text(_ body: (inout Text) -> Void) -> String {
    var text = Text()
    body(&text)
    return String(decoding: text.bytes, as: UTF8.self)
  }

  @Test func shows_numbers_and_addresses() {
    #expect(text { $0.append(0) } == "0")
    #expect(text { $0.append(UInt8(200)) } == "200")
    #expect(text { $0.append(-7) } == "-7")
    #expect(text { $0.append(Int64.max) } == "9223372036854775807")
    #expect(text { $0.append(UInt64.max) } == "18446744073709551615")
    #expect(text { $0.append(IPv4Address(10, 0, 255, 1)) } == "10.0.255.1")
    #expect(
      text { $0.append(MACAddress(bits: 0x0200_5E10_00AF)) }
        == "02:00:5e:10:00:af"
    )
    #expect(text { $0.append("é") } == "é")
  }
}
