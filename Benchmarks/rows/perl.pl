# SPDX-License-Identifier: GPL-3.0-only
# Regular expressions, hashes, sorting and recursion.
use strict;
use warnings;

my $seed = 42;
sub number { $seed = ($seed * 1103515245 + 12345) % 2147483648; return $seed >> 8 }

my @lines = map {
  sprintf '%d.%d.%d.%d - user%d [%02d/Nov/2026] "GET /page/%d?id=%x" %d',
    number() % 256, number() % 256, number() % 256, number() % 256,
    number() % 500, number() % 30 + 1, number() % 900, number(), number() % 9000
} 1 .. 150000;

my (%users, %pages, $bytes);
for (@lines) {
  next unless m{^(\d+)\.\d+\.\d+\.(\d+) - (\w+) \[(\d+)/Nov/\d+\] "GET (/\S+?)\?id=([0-9a-f]*)" (\d+)$};
  $users{$3}++;
  $pages{$5} += $7;
  $bytes += length($6) * (0 + $1 ^ 0 + $2);
}
my $text = join "\n", @lines;
my $swapped = ($text =~ s/(\w+)-(\w+)/$2-$1/g) + ($text =~ s/user(\d)/User<$1>/g);
my @sorted = sort { $pages{$b} <=> $pages{$a} || $a cmp $b } keys %pages;
my @numeric = sort { $a <=> $b } map { number() } 1 .. 150000;
sub fib { my $n = shift; return $n < 2 ? $n : fib($n - 1) + fib($n - 2) }

print "$bytes $swapped $sorted[0] $pages{$sorted[0]} $numeric[30000] ", scalar(keys %users), ' ',
  fib(23), "\n";
