// Within src/openpgp only: a way out for a GPGME that waits for a gpg that is dead.
#pragma once

namespace miraclemax::openpgp {

// GPGME 1.18 looks for POLLOUT alone before it writes. A full pipe whose only reader died says POLLERR and
// never POLLOUT, so GPGME's wait spins for ever. This takes what lies in such pipes of this process: then
// POLLOUT is said too, GPGME writes, gets EPIPE and ends. A pipe that anybody reads from is never touched.
// Needs no more than /proc/self/fd. Any thread.
void empty_dead_pipes() noexcept;

} // namespace miraclemax::openpgp
