#include "serve/said.hpp"

#include "stream/file.hpp"

namespace miraclemax::serve {

telemetry::Said SaidFile::read() const {
    try {
        return telemetry::parse_said(stream::read_file(path_, std::size_t{1} << 20U));
    } catch (const std::exception&) { // none yet, or not readable: at worst something is said twice
        return {};
    }
}

void SaidFile::write(const telemetry::Said& said) const {
    stream::replace_file(path_, telemetry::to_json(said));
}

} // namespace miraclemax::serve
