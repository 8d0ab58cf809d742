// Within src/openpgp only: a gpg that knows a message's passphrase without an agent.
#pragma once

#include "openpgp/encryption.hpp"

#include <memory>
#include <string>

namespace miraclemax::openpgp {

// gpg asks its agent for a passphrase, which needs new sockets that a worker may not have, and stops reading
// at 255 bytes. So gpg reads it from a FIFO in a home of its own: it never lies on a disk, nor in an argv.
// That home lies in the given one: who removes that one after a kill removes both. For one gpg. Throws Error
// (key) for what is no line of text of at most 1024 bytes.
class PassphraseHome {
public:
    PassphraseHome(const Home& above, const std::string& passphrase);
    [[nodiscard]] const Home& home() const noexcept { return *home_; }

private:
    std::unique_ptr<Home> home_;
    stream::Descriptor fifo_;
};

} // namespace miraclemax::openpgp
