// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// Which file, with which contents: a file that is written or replaced is another one.
struct FileIdentity: Hashable, BitwiseCopyable {
  var device: UInt64
  var inode: UInt64
  var size: Int64
  /// Nanoseconds since 1970.
  var modified: Int64
  var changed: Int64

  /// nil when there is no such regular file.
  init?(path: String) {
    var information = stat()
    guard stat(path, &information) == 0, information.st_mode & S_IFMT == S_IFREG else { return nil }
    device = UInt64(information.st_dev)
    inode = UInt64(information.st_ino)
    size = Int64(information.st_size)
    modified = FileIdentity.nanoseconds(information.st_mtim)
    changed = FileIdentity.nanoseconds(information.st_ctim)
  }

  /// Whether this is the file of a line of /proc/PID/maps, whose path a process with another root or other mounts
  /// names otherwise. Some filesystems (btrfs) tell another device there than stat(2) does.
  func isMapped(by line: AddressMap.Line, of process: Int32) -> Bool {
    inode == line.inode && (device == line.device || self == FileIdentity(path: "/proc/\(process)/exe"))
  }

  /// It was last changed so long ago that another change would show: the kernel's clock for files moves in steps of up to
  /// 10 ms (fs/inode.c, current_time).
  var isSettled: Bool {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return FileIdentity.nanoseconds(now) &- changed > 20_000_000
  }

  private static func nanoseconds(_ time: timespec) -> Int64 {
    Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }

  /// Spread over 64 bits, the same at each run.
  var digest: UInt64 {
    let words = [device, inode, UInt64(bitPattern: size), UInt64(bitPattern: modified), UInt64(bitPattern: changed)]
    return words.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ $1) &* MasterTable.multiplier ^ ($0 >> 29) }
  }
}
