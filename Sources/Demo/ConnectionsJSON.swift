import Apus

/// The TCP connections as JSON, in parts, because there may be ten thousand:
///
///     {"connections":[{"state":"ESTABLISHED",…},…],"count":1}
struct ConnectionsJSON {
  /// So much is gathered before it is sent.
  private static let partSize = 4096

  private var json = JSONWriter()
  private var count = 0
  private var connections: ConnectionList.Iterator?

  /// The connections of `network`, each as it is when its turn comes.
  init(_ network: Network) {
    connections = network.connections.makeIterator()
    json.beginObject()
    json.key("connections")
    json.beginArray()
  }

  /// The next part; `nil` when all is told.
  mutating func next() -> Text? {
    while json.text.bytes.count < Self.partSize {
      guard let connection = connections?.next() else {
        guard connections != nil else { break }
        connections = nil
        end()
        break
      }
      append(connection)
      count += 1
    }
    let part = json.takeText()
    return part.bytes.isEmpty ? nil : part
  }

  private mutating func end() {
    json.endArray()
    json.key("count")
    json.value(count)
    json.endObject()
  }

  private mutating func append(_ connection: TCPInformation) {
    json.beginObject()
    member("state") { $0.value(connection.state.name.description) }
    member("local") { $0.value { $0.append(connection.local) } }
    member("remote") { $0.value { $0.append(connection.remote) } }
    number("maximumSegmentSize", connection.maximumSegmentSize)
    number("sendWindow", connection.sendWindow)
    number("receiveWindow", connection.receiveWindow)
    number("congestionWindow", connection.congestionWindow)
    number("slowStartThreshold", connection.slowStartThreshold)
    number("bytesInFlight", connection.bytesInFlight)
    number("bytesToSend", connection.bytesToSend)
    number("bytesToRead", connection.bytesToRead)
    member("smoothedRoundTripMicroseconds") {
      $0.value(ifAny: connection.smoothedRoundTripTime?.microseconds)
    }
    number(
      "roundTripVariationMicroseconds",
      connection.roundTripVariation.microseconds
    )
    number(
      "retransmissionTimeoutMicroseconds",
      connection.retransmissionTimeout.microseconds
    )
    number("retransmissions", connection.retransmissions)
    number("urgentBytes", connection.urgentBytes)
    member("hasTimestamps") { $0.value(connection.hasTimestamps) }
    member("hasSelectiveAcknowledgements") {
      $0.value(connection.hasSelectiveAcknowledgements)
    }
    member("hasCongestionMarks") { $0.value(connection.hasCongestionMarks) }
    member("softError") {
      guard let error = connection.softError else { return $0.null() }
      $0.value(error.name.description)
    }
    json.endObject()
  }

  private mutating func number(_ name: String, _ value: some BinaryInteger) {
    member(name) { $0.value(value) }
  }

  private mutating func member(
    _ name: String,
    _ body: (inout JSONWriter) -> Void
  ) {
    json.key(name)
    body(&json)
  }
}
