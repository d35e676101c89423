import Apus
import Net
import Testing

struct NetworkErrorTests {
  @Test func name_isTheCase() {
    let errors: [NetworkError] = [
      .addressInUse, .noAddress, .unreachable, .refused, .reset, .timedOut,
      .closed, .limitReached, .messageTooLarge, .cancelled,
    ]
    for error in errors {
      #expect(error.name.description == "\(error)")
    }
  }
}
