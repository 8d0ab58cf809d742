// What a run tells while it goes on: a terminal's bars, lines, or JSON events are made of it (cli/).
#pragma once

#include "archive/archive.hpp"
#include "catalog/manifest.hpp"
#include "quiesce/window.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace miraclemax::run {

// Called from several threads at once: implementations lock. None of the calls may throw.
class Observer {
public:
    virtual ~Observer() = default;
    virtual void began(const std::string& id, const std::vector<std::string>& components) = 0;
    virtual void warned(const std::string& text) = 0;
    virtual void freezing(const std::string& group, const std::vector<std::string>& containers) = 0;
    virtual void released(const std::string& group, const quiesce::FreezeReport& report) = 0;
    // expected: bytes of the last time, 0 when unknown
    virtual void progressed(const std::string& component, const archive::Tally& tally,
                            std::uint64_t expected) = 0;
    virtual void succeeded(const catalog::ComponentRecord& record) = 0;
    virtual void failed(const catalog::FailedComponent& component) = 0;
};

} // namespace miraclemax::run
