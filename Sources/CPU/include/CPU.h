#pragma once

#include "Boot.h"
#include "DeviceMemory.h"
#include "Instructions.h"
