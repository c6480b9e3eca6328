// SPDX-License-Identifier: BSD-3-Clause

#include "os/last_words.hpp"

#include "base/assert.hpp"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <thread>

namespace ais::os {
namespace {

constexpr int fatal_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
constexpr std::size_t call_room = 64;

// Why static: handlers get no argument of ours.
std::unique_ptr<LogSinks>* the_log = nullptr;
LastWords::WhatRuns the_what_runs = nullptr;
std::thread::id the_thread;
std::terminate_handler handler_before = nullptr;

std::string text_of_exception() {
    const std::exception_ptr current = std::current_exception();
    if (current == nullptr) {
        return "std::terminate was called";
    }
    try {
        std::rethrow_exception(current);
    } catch (const std::exception& error) {
        return std::string("exception '") + error.what() + "'";
    } catch (...) {
        return "an exception of no known type";
    }
}

[[noreturn]] void on_terminate() {
    char call[call_room] = "";
    the_what_runs(call, sizeof call);
    std::string text = text_of_exception();
    if (call[0] != '\0') {
        text += std::string(" left the plugin's function ") + call;
    }
    text += ": this node ends at once";
    if (std::this_thread::get_id() == the_thread && *the_log != nullptr) {
        AIS_LOG(**the_log, error, "main", "OS-008", text);
        the_log->reset();
    } else {
        AIS_LOG(start_up_log(), error, "main", "OS-008", text);
    }
    std::abort();
}

void put(const char* text) {
    [[maybe_unused]] const ssize_t done = ::write(STDERR_FILENO, text, std::strlen(text));
}

// The handler is gone when this runs (SA_RESETHAND): to return is to die of the same signal.
void on_fatal_signal(int signal) {
    char call[call_room] = "";
    the_what_runs(call, sizeof call);
    put("error OS-008 [main] ");
    put(signal == SIGSEGV  ? "SIGSEGV"
        : signal == SIGBUS ? "SIGBUS"
        : signal == SIGFPE ? "SIGFPE"
                           : "SIGILL");
    if (call[0] != '\0') {
        put(" in the plugin's function ");
        put(call);
    }
    put(": this node ends at once\n");
    ::raise(signal);
}

}  // namespace

LastWords::LastWords(std::unique_ptr<LogSinks>& log, WhatRuns what_runs) {
    AIS_ASSERT(the_log == nullptr && log != nullptr && what_runs != nullptr);
    the_log = &log;
    the_what_runs = what_runs;
    the_thread = std::this_thread::get_id();
    handler_before = std::set_terminate(on_terminate);
    for (const int signal : fatal_signals) {
        struct sigaction now {};
        ::sigaction(signal, nullptr, &now);
        // A sanitizer's handler knows more than ours.
        if (now.sa_handler == SIG_DFL) {
            now.sa_handler = on_fatal_signal;
            now.sa_flags = static_cast<int>(SA_RESETHAND);
            ::sigaction(signal, &now, nullptr);
        }
    }
}

LastWords::~LastWords() {
    for (const int signal : fatal_signals) {
        struct sigaction now {};
        ::sigaction(signal, nullptr, &now);
        if (now.sa_handler == on_fatal_signal) {
            ::signal(signal, SIG_DFL);
        }
    }
    std::set_terminate(handler_before);
    the_log = nullptr;
}

}  // namespace ais::os
