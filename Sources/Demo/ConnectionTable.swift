import Apus

/// The part of the status page with a row for each TCP connection, up to a
/// number of them: the page is made in one piece.
enum ConnectionTable {
  static let mostRows = 50

  private static let columns = [
    "state", "local", "remote", "round trip ms", "timeout ms", "congestion",
    "threshold", "send window", "receive window", "in flight", "to send",
    "to read", "segment", "sent again",
  ]

  static func append(_ network: Network, to page: inout Text) {
    page.append("<div class=\"wide\"><table>\n<tr>")
    for column in columns {
      page.append("<th>")
      page.append(column)
      page.append("</th>")
    }
    page.append("</tr>\n")
    var rows = 0
    for connection in network.connections {
      guard rows < mostRows else { break }
      append(connection, to: &page)
      rows += 1
    }
    page.append("</table></div>\n<p>")
    let more = network.connectionCount - rows
    if more > 0 {
      page.append("And ")
      page.append(more)
      page.append(" more. ")
    }
    page.append(
      "All of them, as JSON: <a href=\"/connections.json\">/connections.json"
        + "</a>. Sizes are in bytes.</p>\n"
    )
  }

  private static func append(
    _ connection: TCPInformation,
    to page: inout Text
  ) {
    page.append("<tr>")
    cell(&page) { $0.append(connection.state.name.description) }
    cell(&page) { $0.append(connection.local) }
    cell(&page) { $0.append(connection.remote) }
    cell(&page) { page in
      guard let time = connection.smoothedRoundTripTime else {
        return page.append("not measured")
      }
      page.append(milliseconds: time)
      page.append(" ± ")
      page.append(milliseconds: connection.roundTripVariation)
    }
    cell(&page) { $0.append(milliseconds: connection.retransmissionTimeout) }
    for size in [
      connection.congestionWindow, connection.slowStartThreshold,
      connection.sendWindow, connection.receiveWindow,
      connection.bytesInFlight, connection.bytesToSend, connection.bytesToRead,
      connection.maximumSegmentSize, Int(connection.retransmissions),
    ] {
      cell(&page) { $0.append(size) }
    }
    page.append("</tr>\n")
  }

  private static func cell(_ page: inout Text, _ value: (inout Text) -> Void) {
    page.append("<td>")
    value(&page)
    page.append("</td>")
  }
}
