import Net
import Packets

@testable import Apus

/// A DNS server that knows what the test says, written apart from the resolver.
/// RFC 1035 §4.
struct NameServer: Sendable {
  /// Addresses by names.
  var addresses: [String: [UInt8]] = [:]
  /// Other names of names.
  var aliases: [String: String] = [:]
  /// For how many seconds they may be believed.
  var seconds: UInt8 = 60
  /// Names whose answers do not fit into a datagram.
  var long: Set<String> = []
  /// What is asked, in order; "tcp " stands before what comes so.
  let asked = Box<[String]>([])

  /// The name in a question.
  static func name(of query: [UInt8]) -> String {
    var labels: [String] = []
    var offset = 12
    while query[offset] != 0 {
      let end = offset + 1 + Int(query[offset])
      labels.append(String(decoding: query[(offset + 1)..<end], as: UTF8.self))
      offset = end
    }
    return labels.joined(separator: ".")
  }

  private static func wire(_ name: String) -> [UInt8] {
    name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + $0.utf8 }
      + [0]
  }

  private func record(_ kind: UInt8, _ data: [UInt8]) -> [UInt8] {
    [0, kind, 0, 1, 0, 0, 0, seconds, 0, UInt8(data.count)] + data
  }

  func answer(_ query: [UInt8], isStream: Bool) -> [UInt8] {
    var name = Self.name(of: query)
    asked.value.append(isStream ? "tcp \(name)" : name)
    var head = Array(query[..<2]) + [0x81, 0x80, 0, 1]
    if long.contains(name), !isStream {
      head[2] |= 0x02
      return head + [0, 0, 0, 0, 0, 0] + query[12...]
    }
    var answers: [[UInt8]] = []
    while let other = aliases[name] {
      answers.append(Self.wire(name) + record(5, Self.wire(other)))
      name = other
    }
    if let address = addresses[name] {
      answers.append(Self.wire(name) + record(1, address))
    } else {
      head[3] |= 3
    }
    return head + [0, UInt8(answers.count), 0, 0, 0, 0] + query[12...]
      + answers.flatMap { $0 }
  }

  /// Answers datagrams until the task is cancelled.
  func serveDatagrams(_ system: System) async {
    guard let socket = try? system.network.bind(port: 53) else { return }
    while let (source, query) = await socket.receiveCopy() {
      try? await socket.send(answer(query, isStream: false), to: source)
    }
  }

  /// Answers over TCP, a byte at a time, until the task is cancelled.
  func serveStreams(_ system: System) async {
    guard let listener = try? system.network.listen(port: 53) else { return }
    for await connection in listener {
      var query = await connection.read(count: 2)
      guard query.count >= 2 else { continue }
      let length = Int(query[0]) << 8 | Int(query[1])
      query += await connection.read(count: 2 + length - query.count)
      query.removeFirst(2)
      let answer = answer(query, isStream: true)
      let bytes =
        [UInt8(answer.count >> 8), UInt8(answer.count & 255)] + answer
      for byte in bytes {
        await connection.write([byte].rawBytes)
        await system.sleep(for: .milliseconds(1))
      }
      connection.close()
    }
  }
}
