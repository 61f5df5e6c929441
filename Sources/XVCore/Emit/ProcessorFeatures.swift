// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// What emitted code may use of the processor, which is the program's and the server's.
enum ProcessorFeatures {
  /// Asked once: cpuid leaves a virtual machine, which takes longer than building the gate.
  private static let found = xv_processor_features()

  static let hasRDPID = Int(found) & XV_HAS_RDPID != 0
  /// rorx, of BMI2.
  static let hasRotate = Int(found) & XV_HAS_BMI2 != 0
  /// A debug trap between two rounds of a repeated string instruction finds the resume flag set: so on Intel's
  /// processors (SDM volume 3, 18.3.1.1), not on AMD's, as seen on a Zen 5.
  static let marksRounds = xv_is_amd() == 0
}
