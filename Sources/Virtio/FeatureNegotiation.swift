/// Which features the driver of a network device accepts.
enum FeatureNegotiation {
  /// What this driver knows how to use.
  static let understood: Features = [
    .csum, .guestCsum, .mtu, .mac, .guestTSO4, .guestTSO6, .guestECN,
    .guestUFO, .hostTSO4, .hostTSO6, .hostECN, .hostUFO, .mrgRxbuf, .status,
    .ctrlVQ, .ctrlRX, .ctrlVLAN, .ctrlRXExtra, .guestAnnounce, .mq,
    .ctrlMACAddr, .ctrlGuestOffloads, .notfCoal, .guestUSO4, .guestUSO6,
    .hostUSO, .hashReport, .guestHdrlen, .rss, .speedDuplex,
    .anyLayout, .indirectDesc, .eventIdx, .version1, .accessPlatform,
    .ringPacked, .inOrder, .orderPlatform, .notificationData, .ringReset,
  ]

  /// Which feature needs which: at least one of `needs`. VIRTIO 1.2 §5.1.3.1.
  private struct Dependency {
    let feature: Features
    let needs: Features
  }

  private static let dependencies: [Dependency] = [
    Dependency(feature: .guestTSO4, needs: .guestCsum),
    Dependency(feature: .guestTSO6, needs: .guestCsum),
    Dependency(feature: .guestECN, needs: [.guestTSO4, .guestTSO6]),
    Dependency(feature: .guestUFO, needs: .guestCsum),
    Dependency(feature: .guestUSO4, needs: .guestCsum),
    Dependency(feature: .guestUSO6, needs: .guestCsum),
    Dependency(feature: .hostTSO4, needs: .csum),
    Dependency(feature: .hostTSO6, needs: .csum),
    Dependency(feature: .hostECN, needs: [.hostTSO4, .hostTSO6]),
    Dependency(feature: .hostUFO, needs: .csum),
    Dependency(feature: .hostUSO, needs: .csum),
    Dependency(feature: .ctrlRX, needs: .ctrlVQ),
    Dependency(feature: .ctrlVLAN, needs: .ctrlVQ),
    Dependency(feature: .ctrlRXExtra, needs: .ctrlVQ),
    Dependency(feature: .guestAnnounce, needs: .ctrlVQ),
    Dependency(feature: .mq, needs: .ctrlVQ),
    Dependency(feature: .ctrlMACAddr, needs: .ctrlVQ),
    Dependency(feature: .ctrlGuestOffloads, needs: .ctrlVQ),
    Dependency(feature: .notfCoal, needs: .ctrlVQ),
    Dependency(feature: .vqNotfCoal, needs: .ctrlVQ),
    Dependency(feature: .rss, needs: .ctrlVQ),
    Dependency(feature: .hashReport, needs: .ctrlVQ),
    Dependency(feature: .rscExt, needs: [.hostTSO4, .hostTSO6]),
  ]

  /// What of `offered` is accepted: it is understood, and what it depends on is
  /// accepted too. A feature without what it needs is left out; §2.2.1 forbids
  /// to accept it.
  static func accept(
    _ offered: Features,
    understood: Features = understood
  ) -> Features {
    var accepted = offered.intersection(understood)
    // Twice: GUEST_ECN needs GUEST_TSO4, which needs GUEST_CSUM.
    for _ in 0..<2 {
      for dependency in dependencies
      where accepted.isDisjoint(with: dependency.needs) {
        accepted.remove(dependency.feature)
      }
    }
    return accepted
  }

  /// What of `offered` there is no use for.
  private static func unwanted<T: Transport>(
    _ offered: Features,
    _ configuration: NetworkConfiguration<T>,
    _ settings: NetworkSettings
  ) -> Features {
    var unwanted = settings.without
    // With them the control queue's number is another. §5.1.2.
    if configuration.pairs(offered, settings) == 1 {
      unwanted.formUnion(NetworkConfiguration<T>.severalPairs)
    }
    if !settings.reportsHashes { unwanted.insert(.hashReport) }
    if !configuration.transport.canResetQueues { unwanted.insert(.ringReset) }
    return unwanted
  }

  /// Steps 4 to 6 of §3.1.1: agrees with the device on what is offered,
  /// understood and usable, and fits the memory there is.
  ///
  /// - Throws: `featuresRefused` when the device does not agree.
  static func negotiate<T: Transport>(
    _ transport: T,
    _ settings: NetworkSettings,
    _ plan: ReceivePlan?
  ) throws(VirtioError) -> (Features, ReceivePlan) {
    let configuration = NetworkConfiguration(transport: transport)
    var offered = transport.offeredFeatures
    offered.subtract(configuration.unusable(offered))
    let unwanted = unwanted(offered, configuration, settings)
    var accepted = accept(
      offered,
      understood: understood.subtracting(unwanted)
    )
    let mtu = accepted.contains(.mtu) ? configuration.mtu : nil
    let queues = configuration.pairs(accepted, settings)
    let plan =
      plan
      ?? ReceivePlan(
        accepted,
        mtu: mtu,
        queues: queues,
        memory: settings.receiveMemory
      )
    accepted = accept(
      accepted.subtracting(
        plan.unaffordable(accepted, mtu: mtu, queues: queues)
      )
    )
    // §6.1: a modern device may refuse a driver without VERSION_1, and this
    // one drives it by the standard alone.
    guard transport.isLegacy || accepted.contains(.version1) else {
      throw VirtioError.featuresRefused
    }
    transport.accept(accepted)
    // §3.1.2: legacy devices know no FEATURES_OK.
    guard !transport.isLegacy else { return (accepted, plan) }
    transport.status = [.acknowledge, .driver, .featuresOK]
    guard transport.status.contains(.featuresOK) else {
      throw VirtioError.featuresRefused
    }
    return (accepted, plan)
  }
}
