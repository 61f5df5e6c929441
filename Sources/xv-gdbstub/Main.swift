// SPDX-License-Identifier: GPL-3.0-only
@main struct Main { static func main() {} }
