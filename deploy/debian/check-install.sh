#!/bin/sh
# Runs in a fresh Debian that has just booted, as root: `cargo xtask dist --check` puts it there, with the packages and keys
# of one site beside it. The last line says PASSED, or nothing does.
set -eu
cd "$(dirname "$0")"
site=zhongxin-minan

step() { echo "--> $*"; }
fail() { echo "FAILED: $*"; systemctl status --no-pager --lines=30 jxz-edge jxz-cloud || true; exit 1; }
# Waits up to $1 seconds for the rest to succeed.
within() { n=$1; shift; until "$@" >/dev/null 2>&1; do n=$((n - 1)); [ "$n" -gt 0 ] || return 1; sleep 1; done; }
active() { systemctl --quiet is-active "$1"; }
restarts() { systemctl show --property=NRestarts --value jxz-edge; }
connected() { jxz-edge status --config /etc/jiangxin/edge.toml | grep -q '"cloud_connected": true'; }
doctor() { runuser -u jxz-edge -- jxz-edge doctor --config /etc/jiangxin/edge.toml --listen-s 1; }
# What the doctor says of the clock is true of whatever machine this runs on.
healthy() { doctor > doctor.txt || true; ! grep '^FAIL' doctor.txt | grep -qv '^FAIL clock'; }

step "installed: nothing starts by itself, and the doctor says what is missing"
dpkg --install jxz-map-island_*.deb jxz-edge_*.deb jxz-cloud_*.deb >/dev/null
! active jxz-edge || fail "jxz-edge runs before anyone has started it"
jxz-edge check-config /etc/jiangxin/edge.toml
jxz-cloud check-config /etc/jiangxin/cloud.toml
if doctor > doctor.txt; then fail "the doctor finds nothing wrong without keys"; fi
grep -q '^FAIL certificate' doctor.txt || fail "the doctor does not miss the certificate"
[ -s /usr/share/doc/jxz-edge/sbom.cdx.json ] && [ -s /usr/share/man/man1/jxz-edge.1.gz ] || fail "papers are missing"

step "keys in place: the doctor is content, as the service's own user"
pki=/etc/jiangxin/pki
install -m 644 pki/ca.pem $pki/
install -m 644 pki/messages/*.cert $pki/messages/
install -m 640 -g jxz-edge pki/node/$site.pem pki/node/$site.key $pki/node/
install -m 640 -g jxz-edge pki/messages/node/$site.cert pki/messages/node/$site.key $pki/messages/node/
install -m 640 -g jxz-cloud pki/cloud.pem pki/cloud.key $pki/
healthy || { cat doctor.txt; fail "the doctor is not content"; }

step "both run under their hardened units, and live for longer than the watchdog's patience"
systemctl enable --quiet jxz-edge jxz-cloud
systemctl start jxz-cloud jxz-edge || fail "they do not start"
sleep 13
active jxz-edge && active jxz-cloud || fail "they do not go on"
[ "$(restarts)" = 0 ] || fail "the watchdog fired on a node that is well"
within 10 connected || fail "the node and the cloud do not meet"
systemctl show --property=StatusText --value jxz-edge jxz-cloud
healthy || { cat doctor.txt; fail "the doctor is not content with a running node"; }
cat doctor.txt

step "a node that hangs is killed and started again"
kill -STOP "$(systemctl show --property=MainPID --value jxz-edge)"
hung_is_over() { [ "$(restarts)" = 1 ] && active jxz-edge; }
within 45 hung_is_over || fail "the watchdog did not fire"

step "a reload has another process take over, watched as the first was; one that cannot is refused and the first goes on"
count=$(restarts)
before=$(systemctl show --property=MainPID --value jxz-edge)
systemctl reload jxz-edge || fail "the new process has not taken over"
after=$(systemctl show --property=MainPID --value jxz-edge)
[ "$after" != "$before" ] && [ "$(cat "/proc/$after/comm")" = jxz-edge ] || fail "systemd watches $after, not the new process"
gone() { ! [ -e "/proc/$before" ]; }
within 10 gone || fail "the first process has not ended"
cp /etc/jiangxin/edge.toml edge.toml.kept
echo "colour = 1" | cat - edge.toml.kept > /etc/jiangxin/edge.toml
if systemctl reload jxz-edge; then fail "a broken configuration took over"; fi
cp edge.toml.kept /etc/jiangxin/edge.toml
sleep 13
active jxz-edge && [ "$(systemctl show --property=MainPID --value jxz-edge)" = "$after" ] || fail "it does not go on"
[ "$(restarts)" = "$count" ] || fail "the watchdog fired after the reload"
within 10 connected || fail "the new process and the cloud do not meet"

step "an upgrade keeps what was changed in the configuration, and the new program takes over from what ran"
echo "# ours" >> /etc/jiangxin/edge.toml
before=$(systemctl show --property=MainPID --value jxz-edge)
dpkg --install --force-confdef jxz-edge_*.deb >/dev/null 2>&1 || fail "the upgrade failed"
grep -q '^# ours' /etc/jiangxin/edge.toml || fail "the configuration was overwritten"
active jxz-edge || fail "the node does not run after the upgrade"
[ "$before" != "$(systemctl show --property=MainPID --value jxz-edge)" ] || fail "the old program still runs"
[ "$(restarts)" = "$count" ] || fail "the upgrade started the node anew"

step "removal stops it and keeps its configuration"
dpkg --remove jxz-edge >/dev/null
! pgrep -x jxz-edge || fail "it still runs"
[ -e /etc/jiangxin/edge.toml ] || fail "removal took the configuration"

step "purge leaves nothing but the users"
dpkg --purge jxz-edge jxz-cloud jxz-map-island >/dev/null
! pgrep -f '^/usr/bin/jxz' || fail "something still runs"
left=$(find / -xdev \( -path /proc -o -path /sys -o -path "$PWD" \) -prune -o \( -iname '*jxz*' -o -iname '*jiangxin*' \) -print |
    grep -v -e '^/var/log/' -e '^/run/' || true)
[ -z "$left" ] || fail "left behind: $left"
echo PASSED
