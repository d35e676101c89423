import Apus

/// What the status page shows, without the connections, as JSON: programs read
/// it. Counters that are zero are there, too.
enum StatusJSON {
  static func render(_ system: System) -> Text {
    let network = system.network
    var json = JSONWriter()
    json.beginObject()
    json.key("uptimeSeconds")
    json.value(system.uptime.components.seconds)
    json.key("connectionCount")
    json.value(network.connectionCount)
    // The first one's stands before the list: programs that know of one only
    // read it there.
    appendInterface(0, network, &json)
    json.key("interfaces")
    json.beginArray()
    for number in network.interfaces.indices {
      json.beginObject()
      appendInterface(number, network, &json)
      json.endObject()
    }
    json.endArray()
    json.key("counters")
    json.beginObject()
    for counter in system.counters {
      json.key(StatusPage.name(of: counter))
      json.value(counter.value)
    }
    json.endObject()
    json.endObject()
    return json.text
  }

  private static func appendInterface(
    _ number: Int,
    _ network: Network,
    _ json: inout JSONWriter
  ) {
    json.key("lease")
    append(network.lease(of: number), &json)
    json.key("localName")
    if let name = network.localName(on: number) {
      json.value { $0.append(name.text) }
    } else {
      json.null()
    }
    json.key("isLinkUp")
    json.value(network.isLinkUp(on: number))
    json.key("device")
    append(network.interfaces[number], &json)
    json.key("exitsPerThousandFrames")
    json.value(network.use(of: number).exitsPerThousandFrames)
  }

  private static func append(_ lease: Lease?, _ json: inout JSONWriter) {
    guard let lease else { return json.null() }
    json.beginObject()
    json.key("address")
    json.value { $0.append(lease.address) }
    json.key("prefixLength")
    json.value(lease.prefixLength)
    json.key("gateway")
    append(lease.gateway, &json)
    json.key("nameServers")
    json.beginArray()
    for server in lease.nameServers { json.value { $0.append(server) } }
    json.endArray()
    json.key("server")
    append(lease.server, &json)
    json.key("seconds")
    json.value(ifAny: lease.seconds)
    json.endObject()
  }

  private static func append(
    _ address: IPv4Address?,
    _ json: inout JSONWriter
  ) {
    guard let address else { return json.null() }
    json.value { $0.append(address) }
  }

  private static func append(
    _ interface: InterfaceInformation,
    _ json: inout JSONWriter
  ) {
    json.beginObject()
    json.key("driver")
    json.value(interface.driver)
    json.key("interrupts")
    json.value(interface.interrupts)
    json.key("macAddress")
    json.value { $0.append(interface.macAddress) }
    json.key("mtu")
    json.value(interface.mtu)
    json.key("megabitsPerSecond")
    json.value(ifAny: interface.speed)
    json.key("isFullDuplex")
    if let duplex = interface.duplex {
      json.value(duplex == .full)
    } else {
      json.null()
    }
    json.key("queuePairs")
    json.value(interface.queuePairs)
    json.key("hasPackedQueues")
    json.value(interface.queueFormat == .packed)
    json.key("features")
    json.beginArray()
    for feature in interface.features { json.value(feature.description) }
    json.endArray()
    json.endObject()
  }
}
