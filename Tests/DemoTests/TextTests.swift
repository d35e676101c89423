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
    #expect(text { $0.append(hexadecimal: 0x0F) } == "0f")
    #expect(
      text { $0.append(milliseconds: .microseconds(1_072)) } == "1.072"
    )
    #expect(text { $0.append(milliseconds: .zero) } == "0.000")
  }

  @Test func shows_endpoints() {
    let version4 = Endpoint(address: IPv4Address(10, 0, 2, 15), port: 80)
    #expect(text { $0.append(version4) } == "10.0.2.15:80")
    let version6 = Endpoint(
      address: IPAddress(high: 0x2001_0DB8_0000_00FF, low: 1),
      port: 443
    )
    #expect(
      text { $0.append(version6) } == "[2001:db8:0:ff:0:0:0:1]:443"
    )
  }
}
