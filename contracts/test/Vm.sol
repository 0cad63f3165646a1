// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title The cheat codes that our tests use, and no others.
/// @dev forge answers these calls itself; the whole list is in its book. An assertion that fails reverts.
interface Vm {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    // The surroundings of a call
    function prank(address sender) external;
    function roll(uint256 blockNumber) external;
    function load(address account, bytes32 slot) external view returns (bytes32);
    function store(address account, bytes32 slot, bytes32 value) external;

    // What the next call must do
    function expectRevert(bytes calldata reason) external;
    function expectEmit(address emitter) external;
    function recordLogs() external;
    function getRecordedLogs() external returns (Log[] memory);

    // Fuzzed input
    function assume(bool condition) external pure;

    // Assertions
    function assertTrue(bool condition) external pure;
    function assertTrue(bool condition, string calldata message) external pure;
    function assertFalse(bool condition) external pure;
    function assertEq(bool left, bool right) external pure;
    function assertEq(uint256 left, uint256 right) external pure;
    function assertEq(uint256 left, uint256 right, string calldata message) external pure;
    function assertEq(address left, address right) external pure;
    function assertEq(bytes32 left, bytes32 right) external pure;
    function assertEq(bytes calldata left, bytes calldata right) external pure;
    function assertGe(uint256 left, uint256 right, string calldata message) external pure;
}

/// @dev The low 20 bytes of keccak256("hevm cheat code").
Vm constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

/// @notice Brings a fuzzed number into a range.
/// @param value Any number.
/// @param low The least number of the range.
/// @param high The greatest; not below `low`, and the range not all 2**256 numbers.
/// @return `value` where it's in the range already, else another number of the range.
function bound(uint256 value, uint256 low, uint256 high) pure returns (uint256) {
    return low <= value && value <= high ? value : low + value % (high - low + 1);
}
