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
        return NetworkInterface(device, attempt.interrupt, found.slot)
      } catch {
        try start.fail(attempt, error)
      }
    }
    throw VirtioError.noVector
  }
}
