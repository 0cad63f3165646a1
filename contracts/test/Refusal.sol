// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {DiaryLog} from "../DiaryLog.sol";

/// @dev The roles, as numbers: asking the log for them would use up a `vm.prank`.
bytes32 constant ADMIN_ROLE = 0;
bytes32 constant REGISTRAR_ROLE = keccak256("REGISTRAR_ROLE");
bytes32 constant MODERATOR_ROLE = keccak256("MODERATOR_ROLE");

/// @title What the log says when it refuses, to the byte.
library Refusal {
    function unauthorized(address account, bytes32 role) internal pure returns (bytes memory) {
        bytes4 selector = IAccessControl.AccessControlUnauthorizedAccount.selector;
        return abi.encodeWithSelector(selector, account, role);
    }

    function sequence(uint64 expected, uint64 got) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(DiaryLog.SequenceMismatch.selector, expected, got);
    }

    function size(uint32 count) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(DiaryLog.InvalidBatchSize.selector, count, 1024);
    }

    function emptyRoot() internal pure returns (bytes memory) {
        return abi.encodeWithSelector(DiaryLog.EmptyRoot.selector);
    }

    function batch(uint256 number, uint256 batchCount) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(DiaryLog.UnknownBatch.selector, number, batchCount);
    }

    function record(uint64 seq, uint64 recordCount) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(DiaryLog.UnknownRecord.selector, seq, recordCount);
    }
}
