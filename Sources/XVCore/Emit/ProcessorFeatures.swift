// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// What emitted code may use of the processor, which is the program's and the server's.
enum ProcessorFeatures {
  /// Asked once: cpuid leaves a virtual machine, which takes longer than building the gate.
  private static let found = xv_processor_features()

  static let hasRDPID = Int(found) & XV_HAS_RDPID != 0
  /// rorx, of BMI2.
  static let hasRotate = Int(found) & XV_HAS_BMI2 != 0
}
