// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// The memory that server and guest share: one memfd, mapped here but for its tables (see `RegionLayout`).
struct Region: ~Copyable {
  let descriptor: Int32
  let server: UnsafeMutableRawPointer

  init() throws(GuestError) {
    let descriptor = memfd_create("xv", UInt32(MFD_CLOEXEC))
    guard descriptor >= 0 else { throw .system(call: "memfd_create", errno: errno) }
    try self.init(owning: descriptor)
  }

  /// A memfd that a process made, opened through its descriptor there.
  init(process: Int32, descriptor: Int32) throws(GuestError) {
    let opened = xv_open("/proc/\(process)/fd/\(descriptor)", O_RDWR | O_CLOEXEC, 0)
    guard opened >= 0 else { throw .system(call: "open", errno: -opened) }
    try self.init(owning: opened)
  }

  private init(owning descriptor: Int32) throws(GuestError) {
    guard ftruncate(descriptor, RegionLayout.regionSize) == 0 else {
      let why = errno
      close(descriptor)
      throw .system(call: "ftruncate", errno: why)
    }
    let mapped = mmap(
      nil, RegionLayout.serverSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, descriptor,
      0)
    guard let mapped, mapped != MAP_FAILED else {
      let why = errno
      close(descriptor)
      throw .system(call: "mmap", errno: why)
    }
    self.descriptor = descriptor
    server = mapped
  }

  deinit {
    munmap(server, RegionLayout.serverSize)
    close(descriptor)
  }
}
