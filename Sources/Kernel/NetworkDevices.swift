import Virtio

/// How a network device becomes an interface.
extension NetworkInterface {
  /// Starts `device`; says on the console when it cannot be driven, and why.
  static func start(
    _ device: FoundDevice,
    _ devices: VirtioDevices,
    _ settings: NetworkSettings,
    reusing memory: ReceiveMemory? = nil,
    _ use: ReceiveMemory.Use = .ifItFits
  ) -> NetworkInterface? {
    do throws(VirtioError) {
      return try attempt(device, devices, settings, memory, use)
    } catch {
      Console.print(
        "net: \(device.name) cannot be driven: \(describe(error))"
      )
      return nil
    }
  }

  private static func attempt(
    _ found: FoundDevice,
    _ devices: VirtioDevices,
    _ settings: NetworkSettings,
    _ memory: ReceiveMemory?,
    _ use: ReceiveMemory.Use
  ) throws(VirtioError) -> NetworkInterface {
    // No more than the device has vectors for, where it has some: a wish for
    // many pairs must not cost the one that there is its own.
    let wished = settings.queuePairs
    var settings = settings
    if let vectors = found.vectorCount, vectors > 2 {
      settings.queuePairs = min(settings.queuePairs, (vectors - 1) / 2)
    }
    // Of each pair both interrupt; the control queue is waited for.
    var start = try DeviceStart(
      found,
      devices.assignment,
      queueCount: 2 * settings.queuePairs
    )
    while let attempt = try start.next() {
      var settings = settings
      settings.vectors = attempt.vectors
      do throws(VirtioError) {
        let device = try Device.start(
          attempt.transport,
          settings,
          reusing: memory,
          use
        )
        attempt.interrupt.begin()
        report(device, found, wished: wished)
        return NetworkInterface(device, attempt.interrupt, found.slot)
      } catch {
        try start.fail(attempt, error)
      }
    }
    throw VirtioError.noVector
  }

  /// Says what was wished for, or told by the device, and is not used.
  private static func report(
    _ device: borrowing Device,
    _ found: FoundDevice,
    wished: Int
  ) {
    let pairs = device.pairCount
    if pairs < wished {
      let vectors = found.vectorCount.map { "\($0) MSI-X vectors" }
      Console.print(
        "virtio: \(found.name) uses \(pairs) of the \(wished) pairs of queues"
          + " asked for: it has no more, or no vectors for them"
          + (vectors.map { " (\($0))" } ?? "")
      )
    }
    if let mtu = device.refusedMTU {
      Console.print(
        "virtio: \(found.name) has an MTU of \(mtu) bytes, which is not used:"
          + " it is less than 576, or more than there is memory for"
      )
    }
  }
}
