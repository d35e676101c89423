#pragma once

#include "Boot.h"
#include "Instructions.h"
