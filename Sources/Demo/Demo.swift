import Apus
import _Concurrency
@main struct Demo: Unikernel {
  func run() async {
    await withDiscardingTaskGroup { g in
       for i in 0..<3 { g.addTask { if i == 5 { print("x") } } } 
    }
  }
}
