import Apus

/// The page that shows how the machine is: uptime, lease, link, device,
/// connections, counters.
enum StatusPage {
  static func render(_ system: System) -> Text {
    let network = system.network
    var page = Text()
    page.append(
      """
      <!DOCTYPE html>
      <html lang="en"><head><meta charset="utf-8"><title>Apus</title>
      <style>
      body { font: 16px/1.5 system-ui, sans-serif; margin: 2em auto;
        max-width: 44em; padding: 0 1em; color-scheme: light dark }
      table { border-collapse: collapse; width: 100% }
      th { text-align: left; font-weight: normal; opacity: .7; width: 45% }
      td { font-family: ui-monospace, monospace }
      .wide { overflow-x: auto }
      .wide th, .wide td { width: auto; padding-right: 1em;
        white-space: nowrap; vertical-align: bottom }
      </style></head><body>
      <h1>Apus</h1>
      <p>This page comes from a virtual machine that runs nothing but the
      program that wrote it.</p>

      """
    )
    page.append("<h2>Machine</h2>\n<table>\n")
    row("uptime", &page) {
      $0.append(system.uptime.components.seconds)
      $0.append(" s")
    }
    row("TCP connections", &page) { $0.append(network.connectionCount) }
    page.append("</table>\n")
    for number in network.interfaces.indices {
      appendInterface(number, network, &page)
    }
    page.append("<h2>TCP connections</h2>\n")
    ConnectionTable.append(network, to: &page)
    page.append("<h2>Counters</h2>\n<table>\n")
    for counter in system.counters where counter.value > 0 {
      row(name(of: counter), &page) { $0.append(counter.value) }
    }
    page.append(
      "</table>\n<p>All of this but the connections, and the counters that are"
        + " zero, as JSON: <a href=\"/status.json\">/status.json</a></p>\n"
        + "</body></html>\n"
    )
    return page
  }

  static func name(of counter: Counter) -> String {
    var name = counter.name.description
    if counter.interface > 0 { name = "net\(counter.interface) \(name)" }
    if let pair = counter.pair { name += ", pair \(pair)" }
    return name
  }

  /// The lease and the device of an interface. All but the first are named, in
  /// each row, too: programs look for rows.
  private static func appendInterface(
    _ number: Int,
    _ network: Network,
    _ page: inout Text
  ) {
    heading("Lease", number, &page)
    let prefix = number > 0 ? "net\(number) " : ""
    appendLease(network.lease(of: number), prefix, &page)
    if let name = network.localName(on: number) {
      row(prefix + "local name", &page) { $0.append(name.text) }
    }
    page.append("</table>\n")
    heading("Network device", number, &page)
    row(prefix + "link", &page) {
      $0.append(network.isLinkUp(on: number) ? "up" : "down")
    }
    appendDevice(network.interfaces[number], prefix, &page)
    row(prefix + "exits per frame", &page) {
      $0.append(thousandths: network.use(of: number).exitsPerThousandFrames)
    }
    page.append("</table>\n")
  }

  private static func heading(
    _ text: String,
    _ number: Int,
    _ page: inout Text
  ) {
    page.append("<h2>")
    page.append(text)
    if number > 0 {
      page.append(" of net")
      page.append(number)
    }
    page.append("</h2>\n<table>\n")
  }

  private static func appendDevice(
    _ interface: InterfaceInformation,
    _ prefix: String,
    _ page: inout Text
  ) {
    row(prefix + "speed", &page) { appendSpeed(interface, &$0) }
    row(prefix + "MTU", &page) { $0.append(interface.mtu) }
    row(prefix + "MAC address", &page) { $0.append(interface.macAddress) }
    row(prefix + "driver", &page) { $0.append(interface.driver) }
    row(prefix + "interrupts", &page) { $0.append(interface.interrupts) }
    row(prefix + "queues", &page) { page in
      page.append(interface.queuePairs)
      page.append(interface.queuePairs == 1 ? " pair, " : " pairs, ")
      switch interface.queueFormat {
      case .split: page.append("split")
      case .packed: page.append("packed")
      }
    }
    row(prefix + "negotiated features", &page) { page in
      for (index, feature) in interface.features.enumerated() {
        if index > 0 { page.append(" ") }
        page.append(feature.description)
      }
    }
  }

  private static func appendSpeed(
    _ interface: InterfaceInformation,
    _ page: inout Text
  ) {
    if let speed = interface.speed {
      page.append(speed)
      page.append(" Mbit/s")
    } else {
      page.append("not told")
    }
    switch interface.duplex {
    case .half: page.append(", half duplex")
    case .full: page.append(", full duplex")
    case nil: break
    }
  }

  private static func appendLease(
    _ lease: Lease?,
    _ prefix: String,
    _ page: inout Text
  ) {
    guard let lease else {
      row(prefix + "address", &page) { $0.append("none") }
      return
    }
    row(prefix + "address", &page) {
      $0.append(lease.address)
      $0.append("/")
      $0.append(lease.prefixLength)
    }
    if let gateway = lease.gateway {
      row(prefix + "gateway", &page) { $0.append(gateway) }
    }
    for server in lease.nameServers {
      row(prefix + "name server", &page) { $0.append(server) }
    }
    if let server = lease.server {
      row(prefix + "DHCP server", &page) { $0.append(server) }
    }
    row(prefix + "lease", &page) { page in
      if let seconds = lease.seconds {
        page.append(seconds)
        page.append(" s")
      } else {
        page.append("without end")
      }
    }
  }

  private static func row(
    _ name: String,
    _ page: inout Text,
    _ value: (inout Text) -> Void
  ) {
    page.append("<tr><th>")
    page.append(name)
    page.append("</th><td>")
    value(&page)
    page.append("</td></tr>\n")
  }
}
