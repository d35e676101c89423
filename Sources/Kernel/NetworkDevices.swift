import Virtio

/// How a network device becomes an interface.
extension NetworkInterface {
  /// Starts `device`; says on the console when it cannot be driven, and why.
  static func start(
    _ device: FoundDevice,
    _ devices: VirtioDevices,
    receiveMemory: Int
  ) -> NetworkInterface? {
    do throws(VirtioError) {
      return try start(device, devices, receiveMemory)
    } catch {
      Console.print(
        "net: \(device.name) cannot be driven: \(describe(error))"
      )
      return nil
    }
  }

  /// The queues that interrupt: receive and transmit.
  private static var interruptingQueues: Int { 2 }

  private static func start(
    _ found: FoundDevice,
    _ devices: VirtioDevices,
    _ receiveMemory: Int
  ) throws(VirtioError) -> NetworkInterface {
    var start = try DeviceStart(
      found,
      devices.assignment,
      queueCount: interruptingQueues
    )
    while let attempt = try start.next() {
      do throws(VirtioError) {
        let device = try Device.start(
          attempt.transport,
          NetworkSettings(
            receiveMemory: receiveMemory,
            randomBits: RandomSource.next(),
            vectors: attempt.vectors
          )
        )
        attempt.interrupt.begin()
        return NetworkInterface(device, attempt.interrupt)
      } catch {
        guard error == .noVector else { throw error }
        start.noteRefusal(of: attempt)
      }
    }
    throw VirtioError.noVector
  }
}
