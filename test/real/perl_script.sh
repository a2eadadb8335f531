#!/bin/bash
# perl: regular expressions, files, fork, pipes, sockets, signals, sorting.
set -eu
perl -e '
use strict; use warnings; use IO::Handle; use Socket; use POSIX ":sys_wait_h";
my %h; open my $f, "<", "/usr/share/common-licenses/GPL-2" or die; while (<$f>) { $h{lc $_}++ for /\w+/g }
print join(" ", map { "$_=$h{$_}" } (sort { $h{$b} <=> $h{$a} || $a cmp $b } keys %h)[0..9]), "\n";
socketpair(my $x, my $y, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die "socketpair: $!";
my $pid = fork; die unless defined $pid;
$_->autoflush(1) for $x, $y;
if (!$pid) { close $x; my $l = <$y>; print $y uc $l; close $y; exit 5 }
close $y; print $x "hello\n"; print scalar <$x>; waitpid $pid, 0; print "status ", $? >> 8, "\n";
local $SIG{ALRM} = sub { die "alarm\n" }; eval { alarm 1; select undef, undef, undef, 10; }; print $@; STDOUT->flush;
open my $p, "-|", "seq 1000" or die; my $s = 0; $s += $_ while <$p>; close $p; print "$s\n";
local $SIG{CHLD} = "IGNORE"; my @kids = map { my $k = fork; exit 0 if !$k; $k } 1..20; 1 while wait != -1; print "reaped\n";
printf "%s %.3f %s\n", join(",", sort { $a <=> $b } map { $_ * 7 % 13 } 1..12), atan2(1,1)*4, sprintf("%b", 2024);
my @st = stat "/etc/passwd"; print scalar(@st), " ", ($st[2] & 07777), "\n"; print -d "/etc" ? "dir" : "no", "\n";
opendir my $d, "/usr/share/common-licenses" or die; print join(" ", sort grep { !/^\./ } readdir $d), "\n";
'
